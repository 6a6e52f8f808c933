using System.Globalization;
using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.Onnx;

/// <summary>Writes an ONNX model: opset 17 (IR version 8). Large weights are in a second file next to it.</summary>
/// <remarks>Source: <c>onnx.proto</c> of the ONNX specification, which defines the field numbers.</remarks>
internal static class OnnxWriter
{
    private const int DataAlignment = 4096; // of tensors in the second file, so that they can be mapped

    public static void Write(ExportJob job)
    {
        var graph = OnnxGpt2Graph.Write(job.Weights, job.DataType, job.Options.IncludeKeyValueCache);
        job.Meter.TotalBytes = graph.Weights.Sum(tensor => job.DataType.Size(tensor.ElementCount));
        graph.Message.Text(OnnxConstants.GraphName, "gpt2");
        var head = ModelHead(job);
        string target = WritableTarget.File(job.Path);
        bool replaces = File.Exists(target);
        using var data = job.Meter.TotalBytes > job.Options.InlineWeightLimit ? OnnxDataFiles.Reserve(target) : null;
        if (data is null) WriteWhole(job, head, graph);
        else WriteSplit(job, head, graph, data);
        if (replaces) OnnxDataFiles.RemoveUnused(target);
    }

    // A message is preceded by its length, so all lengths must be known before the first weight is read.
    private static void WriteWhole(ExportJob job, ProtobufWriter model, OnnxGraphWriter graph)
    {
        ProtobufWriter[] heads = [.. graph.Weights.Select(tensor =>
        {
            long size = job.DataType.Size(tensor.ElementCount);
            var head = Head(tensor, job.DataType).Prefix(OnnxConstants.TensorRawData, size);
            var field = new ProtobufWriter().Prefix(OnnxConstants.GraphInitializer, head.Length + size);
            field.Append(head);
            return field;
        })];
        model.Prefix(OnnxConstants.ModelGraph, graph.Message.Length + heads.Sum(head => (long)head.Length) + job.Meter.TotalBytes);
        AtomicFile.Write(job.Path, length: 0, stream =>
        {
            model.WriteTo(stream);
            graph.Message.WriteTo(stream);
            var elements = job.Elements();
            for (int i = 0; i < heads.Length; i++)
            {
                heads[i].WriteTo(stream);
                elements.Write(stream, graph.Weights[i], job.DataType);
            }
        });
    }

    private static void WriteSplit(ExportJob job, ProtobufWriter model, OnnxGraphWriter graph, FileStream data)
    {
        try
        {
            var elements = job.Elements();
            foreach (var tensor in graph.Weights)
            {
                data.Write(new byte[(int)(-data.Position & (DataAlignment - 1))]);
                var head = Head(tensor, job.DataType).Integer(OnnxConstants.TensorLocation, OnnxConstants.ExternalLocation)
                    .Message(OnnxConstants.TensorExternalData, Pair("location", Path.GetFileName(data.Name)))
                    .Message(OnnxConstants.TensorExternalData, Pair("offset", Text(data.Position)))
                    .Message(OnnxConstants.TensorExternalData, Pair("length", Text(job.DataType.Size(tensor.ElementCount))));
                graph.Message.Message(OnnxConstants.GraphInitializer, head);
                elements.Write(data, tensor, job.DataType);
            }

            data.Flush(flushToDisk: true);
            model.Message(OnnxConstants.ModelGraph, graph.Message);
            AtomicFile.Write(job.Path, model.Length, model.WriteTo);
        }
        catch
        {
            data.Dispose();
            Aside.Remove(data.Name);
            throw;
        }
    }

    private static ProtobufWriter ModelHead(ExportJob job)
    {
        var model = new ProtobufWriter()
            .Integer(OnnxConstants.ModelIrVersion, OnnxConstants.IrVersion)
            .Text(OnnxConstants.ModelProducer, "MLNet.Gpt")
            .Message(OnnxConstants.ModelOpset, new ProtobufWriter().Integer(OnnxConstants.OpsetVersion, OnnxConstants.Opset))
            .Message(OnnxConstants.ModelMetadata, Pair(GptConfigJson.MetadataKey, GptConfigJson.Write(job.Config)));
        if (job.Tokenizer is not null)
        {
            model.Message(OnnxConstants.ModelMetadata, Pair(TokenizerJson.MetadataKey, TokenizerJson.Write(job.Tokenizer)));
        }

        return model;
    }

    private static ProtobufWriter Head(ExportTensor tensor, TensorDataType type) => OnnxGraphWriter.TensorHead(
        tensor.Name, type, tensor.Shape);

    private static ProtobufWriter Pair(string key, string value) =>
        new ProtobufWriter().Text(OnnxConstants.PairKey, key).Text(OnnxConstants.PairValue, value);

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
