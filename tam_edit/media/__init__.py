from tam_edit.media.source import open_source, Source, SourceInfo
