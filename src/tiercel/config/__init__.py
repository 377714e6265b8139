"""Falco's configuration: falco.yaml and ``-o key=value``."""

from tiercel.config.load import load_config
from tiercel.config.model import Config, ConfigError, ConfigNote

__all__ = ["Config", "ConfigError", "ConfigNote", "load_config"]
