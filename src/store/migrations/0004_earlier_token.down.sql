DROP TABLE earlier_token;
