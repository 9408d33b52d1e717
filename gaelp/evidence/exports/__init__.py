"""What the numbers of an ad account's export can tell, with intervals."""
