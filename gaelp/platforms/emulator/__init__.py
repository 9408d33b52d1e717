"""The platform emulator: an ad platform of our own, a server with its own store that behaves like the real ones at
their worst. Touch this when a real platform behaves in a way that the emulator does not.

It has no running clock. A campaign is advanced to the `at` of a call; what happens in an hour is a pure function of
the server's seed, the campaign's name, the hour and the settings in force then. Days and hours are those of UTC.
"""
