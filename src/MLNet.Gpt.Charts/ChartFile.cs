using System.Text;
using MLNet.Gpt.IO;
using ScottPlot;

namespace MLNet.Gpt.Charts;

/// <summary>Writes plots as pictures.</summary>
internal static class ChartFile
{
    /// <summary>
    /// Writes a picture, PNG or SVG by the extension of the name, aside and then into place. Creates the folder where it
    /// is missing.
    /// </summary>
    /// <exception cref="ArgumentException">The name ends in neither <c>.png</c> nor <c>.svg</c>.</exception>
    public static void Save(Plot plot, string path, ChartSize size)
    {
        bool isSvg = path.EndsWith(".svg", StringComparison.OrdinalIgnoreCase);
        if (!isSvg && !path.EndsWith(".png", StringComparison.OrdinalIgnoreCase))
        {
            throw new ArgumentException(
                $"'{path}' is not the name of a picture that can be written; it must end in .png or .svg.", nameof(path));
        }

        byte[] picture = isSvg
            ? Encoding.UTF8.GetBytes(plot.GetSvgXml(size.Width, size.Height))
            : plot.GetImageBytes(size.Width, size.Height, ImageFormat.Png);
        AtomicFile.Write(path, picture.Length, stream => stream.Write(picture));
    }
}
