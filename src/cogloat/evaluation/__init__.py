"""How good a classifier is: accuracy, by class and by shot group."""
