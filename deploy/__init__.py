"""What runs beside pbxd: services, dashboards, and a laboratory with a real Asterisk and real phones."""
