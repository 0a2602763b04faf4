"""Optuna's own tables: nothing outside this folder names them or their columns in SQL.

What is taken for granted of them is put to the test by ``tests/test_optuna_contract.py``.
"""
