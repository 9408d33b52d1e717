"""Ad platforms behind one protocol. Touch this to add a platform or to change how one is called."""
