#!/usr/bin/env bash
# Expected:  a refresh token that was revoked is told as what the provider says of it, invalid_grant; invalid_client is
#            the program's own fault (a wrong secret), which its operator mends, and for which nobody signs in again.
# Really:    golang.org/x/oauth2 finds out by trial whether a provider wants the client's secret in the header or in
#            the form, and takes any failure of the first try for a wrong guess: it posts the same refresh token again
#            with the secret in the form, and tells the second answer only. At a provider that takes the header alone
#            (RFC 6749 §2.3.1 asks for no more) a dead grant is so told as invalid_client, until one renewal at that
#            address succeeded in this process; then the same grant is invalid_grant. An outage is asked twice, too.
#            A program that names Endpoint.AuthStyle is spared the trial.
# Version:   golang-golang-x-oauth2-dev 0.3.0-1, golang-1.19-go 1.19.8-2 (Debian 12)
# Source:    run; golang.org/x/oauth2/internal/token.go, RetrieveToken: needsAuthStyleProbe
# Date:      2026-11-29
# Needs:     Debian 12
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
apt-get -qq download golang-1.19-go=1.19.8-2 golang-1.19-src=1.19.8-2 golang-golang-x-oauth2-dev=0.3.0-1 \
    golang-golang-x-net-dev 2> /dev/null
for package in ./*.deb; do dpkg -x "$package" unpacked; done
cat > renew.go << 'GO'
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"golang.org/x/oauth2"
)

// A provider whose clients show their secret in the header, as RFC 6749 §2.3.1 has it.
func answer(w http.ResponseWriter, r *http.Request) {
	status, body := http.StatusBadRequest, `{"error":"invalid_grant"}`
	if _, _, inHeader := r.BasicAuth(); !inHeader {
		status, body = http.StatusUnauthorized, `{"error":"invalid_client"}`
	} else if r.PostFormValue("refresh_token") == "a-live-grant" {
		status, body = http.StatusOK, `{"access_token":"t","token_type":"Bearer","expires_in":3600}`
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

func renew(grant string, endpoint oauth2.Endpoint) {
	config := oauth2.Config{ClientID: "id", ClientSecret: "the right one", Endpoint: endpoint}
	_, err := config.TokenSource(context.Background(), &oauth2.Token{RefreshToken: grant}).Token()
	said := "renewed"
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		said = string(refused.Body)
	}
	fmt.Println(grant+":", said)
}

func main() {
	posts := 0
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		posts++
		answer(w, r)
	}))
	told := oauth2.Endpoint{TokenURL: provider.URL + "/told", AuthStyle: oauth2.AuthStyleInHeader}
	found := oauth2.Endpoint{TokenURL: provider.URL + "/found"}
	for _, one := range []struct {
		grant    string
		endpoint oauth2.Endpoint
	}{{"a-dead-grant", told}, {"a-dead-grant", found}, {"a-live-grant", found}, {"a-dead-grant", found}} {
		posts = 0
		renew(one.grant, one.endpoint)
		fmt.Println("  posts:", posts)
	}
}
GO
GOROOT="$tmp/unpacked/usr/lib/go-1.19" GOPATH="$tmp/unpacked/usr/share/gocode" GOCACHE="$tmp/cache" GO111MODULE=off \
    GOFLAGS="" "$tmp/unpacked/usr/lib/go-1.19/bin/go" run renew.go | tee said
diff - said << 'SAID'
a-dead-grant: {"error":"invalid_grant"}
  posts: 1
a-dead-grant: {"error":"invalid_client"}
  posts: 2
a-live-grant: renewed
  posts: 1
a-dead-grant: {"error":"invalid_grant"}
  posts: 1
SAID
