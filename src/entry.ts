// What the bundle begins with. An older Node must be able to read it, so there is nothing in it but this, and no import that is
// not made when it is reached.
const needed = 26;

if (Number(process.versions.node.split('.')[0]) < needed) {
  process.stderr.write(
    `certmount needs Node ${needed} or newer, and this is ${process.version}; in its repository "npm run certmount --" brings it\n`,
  );
  process.exitCode = 3;
} else {
  await import('./main.ts');
}

export {};
