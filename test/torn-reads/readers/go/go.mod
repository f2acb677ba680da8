module certmount.io/test/torn-reads

go 1.26
