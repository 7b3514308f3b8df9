"""One module a family of `/takumi <family> <verb>`."""
