"""HubSpot's API, as far as watching a portal's team channels needs it: five GETs, and never a message."""
