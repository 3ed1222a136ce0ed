"""(no laws yet)"""
