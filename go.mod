module github.com/slimci/dbtcloud

go 1.26

require (
	github.com/go-resty/resty/v2 v2.17.2
	github.com/google/go-cmp v0.7.0
	github.com/hasura/go-graphql-client v0.15.1
	github.com/vektah/gqlparser/v2 v2.5.64
	golang.org/x/time v0.12.0
	gopkg.in/h2non/gock.v1 v1.1.2
	pgregory.net/rapid v1.3.0
)

require (
	github.com/agnivade/levenshtein v1.2.2 // indirect
	github.com/coder/websocket v1.8.13 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/h2non/parth v0.0.0-20190131123155-b4df798d6542 // indirect
	golang.org/x/net v0.43.0 // indirect
)
