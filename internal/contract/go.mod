module github.com/slimci/dbtcloud/internal/contract

go 1.26

require github.com/slimci/dbtcloud v0.0.0

require github.com/getkin/kin-openapi v0.152.0 // indirect

replace github.com/slimci/dbtcloud => ../../
