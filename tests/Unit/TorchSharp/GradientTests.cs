using MLNet.Gpt.TorchSharp;
using TorchSharp;

namespace MLNet.Gpt.Tests.TorchSharp;

[Collection(TorchCollection.Name)]
public class GradientTests
{
    private const double Step = 1e-5;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Gradients_equal_finite_differences_in_double_precision(bool tied)
    {
        using var scope = torch.NewDisposeScope();
        var module = GptModule.Create(StateDictTests.Tiny(tied, bias: true), seed: 1);
        module.to(torch.ScalarType.Float64);
        module.zero_grad();
        Loss(module).backward();

        foreach (var (name, parameter) in module.ParametersByName())
        {
            // Two elements of each weight, the first and a middle one; of the token embedding, rows that occur as input
            // and as target.
            foreach (long index in (long[])[0, parameter.numel() / 2])
            {
                double gradient = parameter.grad!.flatten()[index].item<double>();
                double difference = (LossAt(module, parameter, index, Step) - LossAt(module, parameter, index, -Step)) / (2 * Step);
                Assert.True(
                    Math.Abs(gradient - difference) <= 1e-8 + (1e-6 * Math.Abs(gradient)),
                    $"{name}[{index}]: {gradient} against {difference}");
            }
        }
    }

    private static torch.Tensor Loss(GptModule module)
    {
        using var scope = torch.NewDisposeScope();
        var ids = GptModuleTests.Ids(2, 13);
        var logits = module.call(ids.narrow(1, 0, 12));
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids.narrow(1, 1, 12).flatten()).MoveToOuterDisposeScope();
    }

    private static double LossAt(GptModule module, torch.Tensor parameter, long index, double change)
    {
        using var scope = torch.NewDisposeScope();
        using var noGradients = torch.no_grad();
        var element = parameter.view(-1).narrow(0, index, 1);
        double value = element.item<double>();
        element.fill_(value + change);
        double loss = Loss(module).item<double>();
        element.fill_(value);
        return loss;
    }
}
