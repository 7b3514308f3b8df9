// Prints artifacts.json: `node compile.js <folder with node_modules/solc>`. Run by people and by one test, not by the demo.
const fs = require('fs'), path = require('path');
const solc = require(path.join(path.resolve(process.argv[2]), 'node_modules', 'solc'));
const names = ['ERC1967Proxy', 'SkillProfile'];
const read = (name) => ({ content: fs.readFileSync(path.join(__dirname, `${name}.sol`), 'utf8') });
const input = {
  language: 'Solidity',
  sources: Object.fromEntries(names.map((name) => [`${name}.sol`, read(name)])),
  settings: {
    optimizer: { enabled: true, runs: 200 },
    evmVersion: 'shanghai',
    metadata: { bytecodeHash: 'none', appendCBOR: false },
    outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
  },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
for (const problem of output.errors || []) console.error(problem.formattedMessage);
if ((output.errors || []).some((problem) => problem.severity === 'error')) process.exit(1);
const artifact = (name) => {
  const contract = output.contracts[`${name}.sol`][name];
  return { abi: contract.abi, bytecode: '0x' + contract.evm.bytecode.object };
};
const contracts = Object.fromEntries(names.map((name) => [name, artifact(name)]));
console.log(JSON.stringify({ compiler: solc.version().split('+')[0], contracts }, null, 1));
