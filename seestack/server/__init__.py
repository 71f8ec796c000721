"""The dashboard: a small web server with its page, and the same inside Jupyter Server."""
