"""A whole model's state dict as PyTorch saves it, in safetensors, and what the model gives for it in evaluation:
/usr/bin/python3 test/parity/make_state_dict.py writes both files of fixtures/state-dict."""
import json, os, struct
import torch
from torch import nn

class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, 6, padding_idx=0)
        self.rnn = nn.LSTM(6, 4, num_layers=2, bidirectional=True, batch_first=True)
        self.norm = nn.BatchNorm1d(8)
        self.attn = nn.MultiheadAttention(8, 2, batch_first=True)
        self.cross = nn.MultiheadAttention(8, 2, kdim=6, vdim=6, batch_first=True)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), 2, norm=nn.LayerNorm(8), enable_nested_tensor=False)
        self.decoder = nn.TransformerDecoderLayer(8, 2, 12, batch_first=True)
        self.features = nn.Sequential(nn.Conv1d(8, 4, 3, padding=1), nn.BatchNorm1d(4), nn.ReLU(), nn.utils.weight_norm(nn.Conv1d(4, 6, 2)))
        self.gru = nn.GRU(6, 5, batch_first=True)
        self.blocks = nn.ModuleList([nn.Linear(5, 5), nn.Linear(5, 5, bias=False)])
        self.head = nn.Linear(5, 3)
    def forward(self, ids):
        e = self.embed(ids)
        x = self.rnn(e)[0]
        x = self.norm(x.transpose(1, 2)).transpose(1, 2)
        x = x + self.attn(x, x, x)[0] + self.cross(x, e, e)[0]
        y = self.decoder(x, self.encoder(x))
        z = self.gru(self.features(y.transpose(1, 2)).transpose(1, 2))[0]
        for block in self.blocks:
            z = torch.tanh(block(z))
        return self.head(z)

def store(path, tensors):
    """https://github.com/huggingface/safetensors#format"""
    kinds = {torch.float32: 'F32', torch.int64: 'I64'}
    header, data = {'__metadata__': {'format': 'pt'}}, b''
    for name, t in tensors.items():
        raw = t.contiguous().numpy().tobytes()
        header[name] = {'dtype': kinds[t.dtype], 'shape': list(t.shape), 'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text + data)

torch.manual_seed(4)
model = Whole()
# As after some training: statistics that were counted, nothing at its initial zero.
for _ in range(17):
    model(torch.randint(1, 11, (4, 7)))
with torch.no_grad():
    for p in model.parameters():
        p += 0.1 * torch.randn(p.shape)
model.eval()
here = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fixtures', 'state-dict')
os.makedirs(here, exist_ok=True)
state = model.state_dict()
store(os.path.join(here, 'model.safetensors'), state)
ids = torch.tensor([[1, 5, 0, 10, 3, 2], [7, 7, 4, 0, 9, 8]])
out = model.double()(ids)
with open(os.path.join(here, 'expected.json'), 'w') as f:
    json.dump({'ids': ids.tolist(), 'shape': list(out.shape), 'data': [float(f'{v:.9g}') for v in out.flatten().tolist()],
               'shapes': {k: list(v.shape) for k, v in state.items()}}, f)
    f.write('\n')
