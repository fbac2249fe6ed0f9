"""What breaks while people use the portal, and that nothing comes of it. `make faults`; `make test` has a short form.

portal.py runs the whole portal as several processes, outside.py the company around it; each other file is a fault.
"""
