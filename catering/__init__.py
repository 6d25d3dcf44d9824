"""The worked example and the demo site: menus, customers, caterers and the orders that wait for both."""
