"""Every vendor, each behind one typed tool."""
