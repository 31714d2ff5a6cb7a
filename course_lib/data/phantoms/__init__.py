"""Phantoms: made-up patients with the truth beside them; each file says which numbers steer it and what it lacks."""
