"""What a run leaves: a module an artefact, which writes it and reads it. Imports no torch."""
