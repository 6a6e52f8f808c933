using MLNet.Gpt.Benchmarks.Baselines;
using MLNet.Gpt.TorchSharp;
using TorchSharp;

namespace MLNet.Gpt.Benchmarks.Peers;

/// <summary>libtorch through TorchSharp: the baseline of the other benchmarks.</summary>
internal sealed class TorchPeer : Peer
{
    private readonly TorchGpt _model;

    private TorchPeer(string path, torch.ScalarType type)
    {
        LibTorch.EnsureLoaded();
        using var file = GptCheckpoint.Open(path);
        _model = new(file, type);
    }

    public static IEnumerable<PeerKind> Kinds(ModelFiles files) =>
    [
        new("TorchSharp", "float32", 32, () => new TorchPeer(files.Safetensors, torch.ScalarType.Float32)),
        new("TorchSharp", "bfloat16", 16, () => new TorchPeer(files.Safetensors, torch.ScalarType.BFloat16)),
    ];

    public override void Decode(int tokens) => Generate([FirstId], tokens);

    public override void Prefill(int[] ids)
    {
        using var noGradients = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        using var cache = new TorchKvCache(ModelFiles.Config.LayerCount);
        _model.Step(Tensor(ids, 1), cache);
    }

    public override double Loss(int[] ids)
    {
        using var noGradients = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        return _model.Loss(Tensor(ids[..^1], 1), Tensor(ids[1..], 1));
    }

    public override void DecodeTogether(int sessions, int tokens) => Generate([.. Enumerable.Range(0, sessions)], tokens);

    public override void Dispose() => _model.Dispose();

    private void Generate(int[] first, int tokens)
    {
        using var noGradients = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        using var cache = new TorchKvCache(ModelFiles.Config.LayerCount);
        var next = Tensor(first, first.Length);
        for (int i = 0; i < tokens; i++) next = _model.Step(next, cache).argmax(-1, keepdim: true);
    }

    private static torch.Tensor Tensor(int[] ids, int rows) => torch.tensor(ids, torch.ScalarType.Int64).view(rows, -1);
}
