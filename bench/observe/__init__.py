"""What the statistics, the report and a week's window cost, in time and in memory."""
