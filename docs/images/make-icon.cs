#:package ScottPlot
#:package SkiaSharp
#:property PublishAot=false

// Draws the packages' icon, a loss that falls:  dotnet run docs/images/make-icon.cs
using SkiaSharp;

const int Side = 256;
using var bitmap = new SKBitmap(Side, Side);
using var canvas = new SKCanvas(bitmap);
canvas.Clear(SKColors.Transparent);

using var ground = new SKPaint { IsAntialias = true, Color = new SKColor(0x1F, 0x2A, 0x44) };
canvas.DrawRoundRect(new SKRect(4, 4, Side - 4, Side - 4), 44, 44, ground);

using var axes = Stroke(new SKColor(0x8F, 0x9B, 0xB8), 8);
canvas.DrawPath(SKPath.ParseSvgPathData("M 52 48 L 52 204 L 208 204"), axes);

using var curve = Stroke(new SKColor(0xFF, 0xB4, 0x3B), 16);
canvas.DrawPath(SKPath.ParseSvgPathData("M 68 68 C 92 150, 120 172, 196 178"), curve);

using var dot = new SKPaint { IsAntialias = true, Color = SKColors.White };
canvas.DrawCircle(196, 178, 14, dot);

using var file = File.Create(Path.Combine("docs", "images", "icon.png"));
bitmap.Encode(file, SKEncodedImageFormat.Png, 100);

static SKPaint Stroke(SKColor color, float width) =>
    new() { IsAntialias = true, Style = SKPaintStyle.Stroke, StrokeWidth = width, StrokeCap = SKStrokeCap.Round, StrokeJoin = SKStrokeJoin.Round, Color = color };
