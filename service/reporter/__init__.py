"""The reporter's door: the site without scripts, and the door that programs use."""
