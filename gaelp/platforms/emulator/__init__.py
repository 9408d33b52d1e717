"""The platform emulator: a server of our own that behaves as real ad platforms do at their worst.

It has no running clock. A campaign is advanced to the `at` of a call; what happens in an hour is a pure function of
the server's seed, the campaign's name, the hour and the settings in force then. Days and hours are those of UTC. Touch
this folder when a real platform behaves in a way that the emulator does not.
"""
