const path = "C:\new\data"
