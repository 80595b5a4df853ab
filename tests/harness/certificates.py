"""A certificate authority made with the openssl command: certificates of any date and kind, and revocation lists."""
import hashlib
import os
import ssl
import subprocess
import datetime

CONFIG = """
[ca]
default_ca = one
[one]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
crl_extensions = crl
[any]
commonName = supplied
organizationName = optional
serialNumber = optional
[request]
distinguished_name = none
[none]
[crl]
authorityKeyIdentifier = keyid
[authority]
basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[client]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
[server]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
"""


def run(*argv):
    done = subprocess.run(["openssl", *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False)
    assert done.returncode == 0, f"openssl {' '.join(argv)}: {done.stderr}"
    return done.stdout


def make_key(path):
    run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
    os.chmod(path, 0o600)


class Identity:
    """A certificate and its key: files, and the fingerprint that the registry knows it by."""

    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key
        with open(certificate, encoding="ascii") as file:
            text = file.read()
        begin = text.index("-----BEGIN CERTIFICATE")
        self.der = ssl.PEM_cert_to_DER_cert(text[begin:])
        self.fingerprint = hashlib.sha256(self.der).hexdigest()

    @property
    def files(self):
        return (self.certificate, self.key)


class Authority:
    """Everything it makes lies in `folder`, which is made here."""

    def __init__(self, folder, name="Test CA"):
        self.folder = folder
        os.makedirs(folder, mode=0o700)
        self.config = f"{folder}/openssl.cnf"
        with open(self.config, "w", encoding="ascii") as file:
            file.write(CONFIG.format(folder=folder))
        open(f"{folder}/index", "w", encoding="ascii").close()
        self.certificate = f"{folder}/ca.pem"
        self.key = f"{folder}/ca.key"
        self.made = 0
        make_key(self.key)
        run("req", "-new", "-x509", "-config", self.config, "-extensions", "authority", "-key", self.key, "-days", "3650",
            "-subj", f"/CN={name}", "-out", self.certificate)

    @property
    def fingerprint(self):
        return Identity(self.certificate, self.key).fingerprint

    def issue(self, name, usage="client", days=(-1, 365), oin=None):
        """An Identity, valid from days[0] to days[1], counted from now."""
        self.made += 1
        base = f"{self.folder}/{self.made}"
        make_key(f"{base}.key")
        subject = f"/CN={name}" + (f"/serialNumber={oin}" if oin else "")
        run("req", "-new", "-config", self.config, "-key", f"{base}.key", "-subj", subject, "-out", f"{base}.csr")
        now = datetime.datetime.now(datetime.timezone.utc)
        first, last = ((now + datetime.timedelta(days=n)).strftime("%Y%m%d%H%M%SZ") for n in days)
        run("ca", "-batch", "-notext", "-config", self.config, "-extensions", usage, "-cert", self.certificate,
            "-keyfile", self.key, "-startdate", first, "-enddate", last, "-in", f"{base}.csr", "-out", f"{base}.pem")
        return Identity(f"{base}.pem", f"{base}.key")

    def revocation_list(self, path, revoked):
        """Writes a CRL that names these identities."""
        for identity in revoked:
            run("ca", "-batch", "-config", self.config, "-cert", self.certificate, "-keyfile", self.key, "-revoke",
                identity.certificate)
        run("ca", "-batch", "-gencrl", "-config", self.config, "-cert", self.certificate, "-keyfile", self.key,
            "-crldays", "30", "-out", path)
