using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.PyTorch;

namespace MLNet.Gpt.Formats.StateDicts;

/// <summary>
/// One file of <c>torch.save</c>. Any zip that is not one of ours is treated as one; PyTorch's reader reports what is
/// wrong with it.
/// </summary>
internal sealed class PyTorchFormat : IModelFormat
{
    public ModelWriter Writer { get; } = new(ExportFormat.PyTorch, [".pth", ".pt"], ModelWriter.PlainTypes, PyTorchWriter.Write)
    {
        // Only these can be inferred from shapes.
        ObstacleOf = config => config.IsPlainGpt2 ? null : "it differs from the book's GPT-2 in more than sizes, query bias and head",
    };

    public bool Recognizes(ModelContent content) => TorchStateDict.Recognizes(content.Start);

    public OpenedModel Open(ModelContent content, OpenFiles files, OpenOptions options)
    {
        var state = TorchStateDict.Open(files.Add(content.Take()));
        options = options with { HeadCount = options.HeadCount ?? state.HeadCount };
        return StateDict.Open(content.Path, state.Tensors, options, state.Format, "Hugging Face PyTorch");
    }
}
