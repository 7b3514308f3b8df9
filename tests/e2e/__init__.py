"""The whole story: the workspace, the bot and its servers, driven as people drive them."""
