"""Tests of the adapters of trainers and frameworks."""
