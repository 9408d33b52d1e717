"""LIVE CAMPAIGNS: the workflow of one campaign, the calls that it makes, and how its phase starts and ends it.

What a call does is in activities/live, and how a phase orders its campaigns in workflows/live_test.py and scaled.py.
Touch this folder when a campaign waits or ends otherwise.
"""
