"""Where frames come from: files, folders, cameras, a simulated sky."""
