using MLNet.Gpt.TorchSharp;
using TorchSharp;

namespace MLNet.Gpt.Tests.TorchSharp;

/// <summary>The lecture's untrained model, built once for the tests that use it.</summary>
public sealed class LectureModel : IDisposable
{
    public LectureModel()
    {
        Module = GptModule.Create(GptPresets.Lecture, seed: 123);
        Module.eval();
    }

    public GptModule Module { get; }

    public static torch.Tensor Ids(int rows, params long[] ids) => torch.tensor(ids, [rows, ids.Length / rows]);

    public torch.Tensor Logits(torch.Tensor ids)
    {
        using var noGradients = torch.no_grad();
        return Module.call(ids);
    }

    public void Dispose() => Module.Dispose();
}
