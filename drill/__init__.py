"""A simulated county on loopback: equipment farm, stories, the county in a box.

Everything here is invented but the county's towns and the plan's public telephone numbers. Stories
change only simulated devices and people's commands, never the World (DESIGN "Agreements").
"""
