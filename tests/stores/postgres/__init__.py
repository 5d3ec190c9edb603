"""What only the SQLite store can be asked: files, locks, crashes, forks, other processes."""
