"""Tests of the SDKs, against the frameworks they are for."""
