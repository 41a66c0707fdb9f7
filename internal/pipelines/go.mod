module github.com/slimci/dbtcloud/internal/pipelines

go 1.26

require (
	github.com/google/go-cmp v0.7.0
	github.com/slimci/dbtcloud v0.0.0
	go.yaml.in/yaml/v3 v3.0.6
)

require (
	github.com/agnivade/levenshtein v1.2.2 // indirect
	github.com/coder/websocket v1.8.13 // indirect
	github.com/go-resty/resty/v2 v2.17.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/hasura/go-graphql-client v0.15.1 // indirect
	github.com/vektah/gqlparser/v2 v2.5.64 // indirect
	golang.org/x/net v0.43.0 // indirect
	golang.org/x/time v0.12.0 // indirect
)

replace github.com/slimci/dbtcloud => ../../
