import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/**
 * One end of mutual TLS with the key store and trust store of an application; their password is in STORE_PASSWORD.
 *
 * <pre>
 * TlsPeer serve   TYPE KEYSTORE TRUSTSTORE           writes "port N", then a line for each connection
 * TlsPeer connect TYPE KEYSTORE TRUSTSTORE PORT …    writes a line for each port
 * </pre>
 *
 * A line is "peer URI", the URI that the other's certificate carries, or "refused REASON".
 */
class TlsPeer {
  private static final int URI_NAME = 6;

  public static void main(String[] arguments) throws Exception {
    SSLContext context = context(arguments[1], new File(arguments[2]), new File(arguments[3]));
    if (arguments[0].equals("serve")) {
      serve(context);
      return;
    }
    for (int i = 4; i < arguments.length; i++) connect(context, Integer.parseInt(arguments[i]));
  }

  private static SSLContext context(String type, File keys, File anchors)
      throws GeneralSecurityException, IOException {
    char[] password = System.getenv("STORE_PASSWORD").toCharArray();
    KeyManagerFactory keyManagers = KeyManagerFactory.getInstance("PKIX");
    keyManagers.init(load(type, keys, password), password);
    TrustManagerFactory trustManagers = TrustManagerFactory.getInstance("PKIX");
    trustManagers.init(load(type, anchors, password));
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keyManagers.getKeyManagers(), trustManagers.getTrustManagers(), null);
    return context;
  }

  private static KeyStore load(String type, File file, char[] password)
      throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance(type);
    try (FileInputStream in = new FileInputStream(file)) {
      store.load(in, password);
    }
    return store;
  }

  private static void serve(SSLContext context) throws IOException {
    SSLServerSocket server = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(0);
    server.setNeedClientAuth(true);
    System.out.println("port " + server.getLocalPort());
    while (true) {
      try (SSLSocket socket = (SSLSocket) server.accept()) {
        greet(socket);
      }
    }
  }

  private static void connect(SSLContext context, int port) throws IOException {
    try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket("localhost", port)) {
      SSLParameters parameters = socket.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      socket.setSSLParameters(parameters);
      greet(socket);
    }
  }

  /** Both sides send a line, so that each knows that the other has accepted it: TLS 1.3 tells a client late. */
  private static void greet(SSLSocket socket) {
    try {
      socket.setSoTimeout(10_000);
      socket.startHandshake();
      socket.getOutputStream().write("hello\n".getBytes());
      String answer = new BufferedReader(new InputStreamReader(socket.getInputStream())).readLine();
      if (!"hello".equals(answer)) throw new IOException("no hello");
      X509Certificate peer = (X509Certificate) socket.getSession().getPeerCertificates()[0];
      System.out.println("peer " + uriOf(peer));
    } catch (IOException | GeneralSecurityException e) {
      System.out.println("refused " + e.getMessage());
    }
  }

  private static String uriOf(X509Certificate certificate) throws GeneralSecurityException {
    return certificate.getSubjectAlternativeNames().stream()
        .filter(name -> name.get(0).equals(URI_NAME))
        .map(name -> (String) name.get(1))
        .findFirst()
        .orElse("none");
  }
}
