"""The methods: a room each, with its settings (no torch), its loss and its objective.

A room is a folder, and the `objective` of a method's file names it. What its settings say of it
(what the graph hands over, its cost, its head) is all that the rest knows.
"""
