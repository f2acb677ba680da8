// Mutual TLS with the certificate of a volume: java ReloadingServer.java VOLUME ADDRESS PORT
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Executors;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedKeyManager;
import javax.net.ssl.X509ExtendedTrustManager;

public final class ReloadingServer {
  public static void main(String[] args) throws Exception {
    Identity identity = new Identity(Path.of(args[0]));
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(
        new KeyManager[] {new ReloadingKeyManager(identity)},
        new TrustManager[] {new ReloadingTrustManager(identity)},
        null);
    HttpsServer server =
        HttpsServer.create(new InetSocketAddress(args[1], Integer.parseInt(args[2])), 0);
    server.setHttpsConfigurator(
        new HttpsConfigurator(context) {
          @Override
          public void configure(HttpsParameters parameters) {
            SSLParameters tls = getSSLContext().getDefaultSSLParameters();
            tls.setNeedClientAuth(true);
            parameters.setSSLParameters(tls);
          }
        });
    server.createContext(
        "/",
        exchange -> {
          byte[] body = "hello\n".getBytes();
          exchange.sendResponseHeaders(200, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.setExecutor(Executors.newCachedThreadPool());
    server.start();
  }

  /** What one folder of the volume holds; key, chain and anchors that belong together. */
  record Generation(
      String name, PrivateKey key, X509Certificate[] chain, X509ExtendedTrustManager trust) {

    /** Reads the folder, not the names in the volume: those may lead to the next one between two files. */
    static Generation read(Path volume, String name) throws IOException, GeneralSecurityException {
      Path folder = volume.resolve(name);
      X509Certificate[] chain = certificates(folder.resolve("tls.crt"));
      KeyFactory keys = KeyFactory.getInstance(chain[0].getPublicKey().getAlgorithm());
      PrivateKey key = keys.generatePrivate(new PKCS8EncodedKeySpec(der(folder.resolve("tls.key"))));
      KeyStore anchors = KeyStore.getInstance(KeyStore.getDefaultType());
      anchors.load(null, null);
      for (X509Certificate anchor : certificates(folder.resolve("ca.crt"))) {
        anchors.setCertificateEntry("anchor-" + anchors.size(), anchor);
      }
      TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
      factory.init(anchors);
      return new Generation(
          name, key, chain, (X509ExtendedTrustManager) factory.getTrustManagers()[0]);
    }

    private static X509Certificate[] certificates(Path file)
        throws IOException, GeneralSecurityException {
      return CertificateFactory.getInstance("X.509")
          .generateCertificates(new ByteArrayInputStream(Files.readAllBytes(file)))
          .toArray(new X509Certificate[0]);
    }

    private static byte[] der(Path pem) throws IOException {
      return Base64.getMimeDecoder().decode(Files.readString(pem).replaceAll("-----[^-]+-----", ""));
    }
  }

  /** The volume. Each handshake asks for its present generation, which costs one readlink; nothing is watched. */
  static final class Identity {
    private final Path volume;
    private Generation present;

    /** A handshake asks for key and chain one after the other, by the name of the generation it began with. */
    private final Map<String, Generation> recent =
        new LinkedHashMap<>() {
          @Override
          protected boolean removeEldestEntry(Map.Entry<String, Generation> eldest) {
            return size() > 8;
          }
        };

    Identity(Path volume) throws IOException, GeneralSecurityException {
      this.volume = volume;
      use(Generation.read(volume, link()));
    }

    /** Keeps what is in use when the files cannot be read. */
    synchronized Generation present() {
      try {
        String name = link();
        if (!name.equals(present.name())) use(Generation.read(volume, name));
      } catch (IOException | GeneralSecurityException | RuntimeException problem) {
        System.err.println("keeping the certificate in use: " + problem);
      }
      return present;
    }

    synchronized Generation named(String name) {
      return recent.get(name);
    }

    private void use(Generation generation) {
      present = generation;
      recent.put(generation.name(), generation);
    }

    private String link() throws IOException {
      return Files.readSymbolicLink(volume.resolve("..data")).toString();
    }
  }

  /** An alias is the name of a generation: choosing one settles both the key and the chain. */
  static final class ReloadingKeyManager extends X509ExtendedKeyManager {
    private final Identity identity;

    ReloadingKeyManager(Identity identity) {
      this.identity = identity;
    }

    private String choose(String... keyTypes) {
      Generation generation = identity.present();
      for (String type : keyTypes) {
        if (type.equals(generation.key().getAlgorithm())) return generation.name();
      }
      return null;
    }

    @Override
    public String chooseEngineServerAlias(String keyType, Principal[] issuers, SSLEngine engine) {
      return choose(keyType);
    }

    @Override
    public String chooseServerAlias(String keyType, Principal[] issuers, Socket socket) {
      return choose(keyType);
    }

    @Override
    public String chooseEngineClientAlias(String[] keyTypes, Principal[] issuers, SSLEngine engine) {
      return choose(keyTypes);
    }

    @Override
    public String chooseClientAlias(String[] keyTypes, Principal[] issuers, Socket socket) {
      return choose(keyTypes);
    }

    @Override
    public String[] getServerAliases(String keyType, Principal[] issuers) {
      return aliases(keyType);
    }

    @Override
    public String[] getClientAliases(String keyType, Principal[] issuers) {
      return aliases(keyType);
    }

    private String[] aliases(String keyType) {
      String alias = choose(keyType);
      return alias == null ? null : new String[] {alias};
    }

    @Override
    public PrivateKey getPrivateKey(String alias) {
      Generation generation = identity.named(alias);
      return generation == null ? null : generation.key();
    }

    @Override
    public X509Certificate[] getCertificateChain(String alias) {
      Generation generation = identity.named(alias);
      return generation == null ? null : generation.chain();
    }
  }

  /** Checks with the anchors of the present generation. */
  static final class ReloadingTrustManager extends X509ExtendedTrustManager {
    private final Identity identity;

    ReloadingTrustManager(Identity identity) {
      this.identity = identity;
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine)
        throws CertificateException {
      identity.present().trust().checkClientTrusted(chain, type, engine);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket)
        throws CertificateException {
      identity.present().trust().checkClientTrusted(chain, type, socket);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type) throws CertificateException {
      identity.present().trust().checkClientTrusted(chain, type);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine)
        throws CertificateException {
      identity.present().trust().checkServerTrusted(chain, type, engine);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket)
        throws CertificateException {
      identity.present().trust().checkServerTrusted(chain, type, socket);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException {
      identity.present().trust().checkServerTrusted(chain, type);
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return identity.present().trust().getAcceptedIssuers();
    }
  }
}
