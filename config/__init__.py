"""What was agreed on: settings, inventory, register, profiles, plan, policy.

Strict frozen models; reading files is ``config.io``'s alone.
"""
