"""The whole public side brought elsewhere: to a directory that any file server serves, or to a bucket."""
