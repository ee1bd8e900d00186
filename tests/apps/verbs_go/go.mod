module verbs_go

go 1.19
