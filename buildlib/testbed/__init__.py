"""Two emulated hosts on one wire: where rdmasec meets a real kernel, with real frames to count."""
