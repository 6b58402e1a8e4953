"""What a program calls: the HTTP API, a file for each noun. One file would hold five hundred lines; so it is a room."""
