#!/usr/bin/env bash
# Expected:  a client that renews its access token before a request, and can't, says so: the token endpoint's 503 is
#            raised as what it is, an outage, and the request that needed the token isn't sent.
# Really:    Google's OAuth client for Java swallows it. On 4xx refreshToken() throws; on 5xx it returns false, and who
#            asked in passing, by a request, isn't told: the request goes out with the token that has ended, or with
#            no Authorization at all, and what the program gets is the API's "401 Unauthorized". A minute in which
#            Google's token endpoint is away looks like an account that was signed out, while a grant that is gone
#            (invalid_grant) is told from it well.
# Version:   libgoogle-oauth-client-java 1.34.1-2, libgoogle-http-client-java 1.42.0-2 (Debian 12)
# Source:    run; com.google.api.client.auth.oauth2.Credential, refreshToken() and intercept()
# Date:      2026-11-28
# Needs:     Debian 12, a JDK (17)
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
mkdir -p archives/partial unpacked
apt-get -qq -o Dir::Cache::archives="$tmp/archives" install --reinstall --download-only --no-install-recommends -y \
    libgoogle-oauth-client-java=1.34.1-2 libgoogle-http-client-java=1.42.0-2 libguava-java > /dev/null 2>&1
for package in archives/*.deb; do dpkg -x "$package" unpacked; done
cat > Ask.java << 'JAVA'
import com.google.api.client.auth.oauth2.BearerToken;
import com.google.api.client.auth.oauth2.ClientParametersAuthentication;
import com.google.api.client.auth.oauth2.Credential;
import com.google.api.client.auth.oauth2.TokenResponseException;
import com.google.api.client.http.GenericUrl;
import com.google.api.client.http.HttpResponseException;
import com.google.api.client.http.javanet.NetHttpTransport;
import com.google.api.client.json.gson.GsonFactory;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;

public class Ask {
    static int status;
    static String words;

    /** The provider: a token endpoint that answers as it is told, and an API that takes "fresh" only. */
    public static void main(String[] args) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/token", exchange -> say(exchange, status, words));
        server.createContext("/mail", exchange -> {
            String token = exchange.getRequestHeaders().getFirst("Authorization");
            System.out.println("  the API is asked with " + token);
            say(exchange, "Bearer fresh".equals(token) ? 200 : 401, "{}");
        });
        server.start();
        String host = "http://127.0.0.1:" + server.getAddress().getPort();
        look(host, 200, "{\"access_token\": \"fresh\", \"token_type\": \"Bearer\", \"expires_in\": 3600}", "ended");
        look(host, 400, "{\"error\": \"invalid_grant\"}", "ended");
        look(host, 503, "{\"error\": \"unavailable\"}", "ended");
        look(host, 503, "{\"error\": \"unavailable\"}", null);
        server.stop(0);
    }

    static void say(HttpExchange exchange, int code, String what) throws IOException {
        exchange.getRequestBody().readAllBytes();
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(code, what.length());
        exchange.getResponseBody().write(what.getBytes());
        exchange.close();
    }

    static void look(String host, int code, String what, String held) throws IOException {
        status = code;
        words = what;
        System.out.println("the token endpoint says " + code + ", token held: " + held);
        NetHttpTransport transport = new NetHttpTransport();
        Credential credential = new Credential.Builder(BearerToken.authorizationHeaderAccessMethod())
                .setTransport(transport).setJsonFactory(GsonFactory.getDefaultInstance())
                .setTokenServerUrl(new GenericUrl(host + "/token"))
                .setClientAuthentication(new ClientParametersAuthentication("id", "secret")).build();
        credential.setRefreshToken("the-grant");
        credential.setAccessToken(held);
        credential.setExpiresInSeconds(held == null ? null : -10L);
        try {
            int got = transport.createRequestFactory(credential).buildGetRequest(new GenericUrl(host + "/mail"))
                    .execute().getStatusCode();
            System.out.println("  the program gets " + got);
        } catch (TokenResponseException refused) {
            System.out.println("  the program gets " + refused.getDetails().getError() + " of the token endpoint");
        } catch (HttpResponseException refused) {
            System.out.println("  the program gets " + refused.getStatusCode() + " " + refused.getStatusMessage());
        }
    }
}
JAVA
java -cp "$(find "$tmp/unpacked/usr/share/java" -name '*.jar' -printf '%p:')" Ask.java | tee said
diff - said << 'SAID'
the token endpoint says 200, token held: ended
  the API is asked with Bearer fresh
  the program gets 200
the token endpoint says 400, token held: ended
  the program gets invalid_grant of the token endpoint
the token endpoint says 503, token held: ended
  the API is asked with Bearer ended
  the program gets 401 Unauthorized
the token endpoint says 503, token held: null
  the API is asked with null
  the program gets 401 Unauthorized
SAID
